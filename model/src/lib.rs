//! The nouns of the field: time, labels, alerts, tables and their Arrow schemas, and the traits through which
//! rooms that may not import each other meet. Nothing here does I/O or knows a wire format.

mod alert;
mod business_clock;
mod clock;
mod decision;
mod intake;
mod labels;
mod original;
mod promoted;
mod rows;
mod schema;
mod secret;
mod signal;
mod source;
mod state;
mod table;
mod tenant;
mod timestamp;

pub use alert::{Alert, Severity};
pub use business_clock::BusinessClock;
pub use clock::{Clock, ManualClock, Sleep};
pub use decision::{Decision, DecisionLedger, Stage};
pub use intake::{Intake, IntakeError, Taken, Taking};
pub use labels::{Fingerprint, Labels};
pub use original::{Original, OriginalFormat, ReadOriginal, RowsOnly, RowsOutline};
pub use promoted::Promoted;
pub use rows::{RowsError, batch_from_rows};
pub use secret::TokenHash;
pub use signal::Signal;
pub use source::{SourceBook, SourceKind, SourceState, SourceStatus};
pub use state::StateTable;
pub use table::{SignalBatch, Table};
pub use tenant::{TenantName, TenantNameError};
pub use timestamp::Timestamp;
