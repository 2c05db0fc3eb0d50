//! Names become addresses here and nowhere else, and only addresses that the fence lets through are connected to.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::fence::{Fence, Unresolved};

#[derive(Clone, Debug)]
pub(super) struct Resolver {
    pub(super) fence: Fence,
    /// A name that a certificate is checked for, and the host that is connected to in its place.
    pub(super) stand_in: Option<(String, String)>,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let fence = self.fence.clone();
        let host = match &self.stand_in {
            Some((stand_in, host)) if stand_in == name.as_str() => host.clone(),
            _ => name.as_str().to_owned(),
        };
        Box::pin(async move {
            // Port 0 is replaced by the one in the address.
            match fence.resolve(&host, 0).await {
                Ok(addresses) => Ok(Box::new(addresses.into_iter()) as Addrs),
                Err(Unresolved::Refused(refused)) => Err(refused.into()),
                Err(Unresolved::Unknown(error)) => Err(error.into()),
            }
        })
    }
}
