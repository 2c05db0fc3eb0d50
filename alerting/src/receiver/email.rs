//! E-mail by SMTP. All mail of one incident is one thread, and a repetition has the Message-ID of the first.

mod auth;
mod connection;
mod mail;

use super::http::Scrub;
use super::{Parcel, SendError};
use crate::config::EmailConfig;
use crate::fence::Fence;

pub(super) async fn send(
    fence: &Fence,
    config: &EmailConfig,
    parcel: Parcel<'_>,
    scrub: &mut Scrub,
) -> Result<String, SendError> {
    let mail = mail::mail(config, parcel)?;
    connection::deliver(fence, config, &mail, scrub).await
}

#[cfg(test)]
mod tests;
