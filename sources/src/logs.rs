//! Log files, followed as they grow: whatever rotates them, wherever a line is cut, whichever process wrote it.
//!
//! A file is known by its device and inode, not by its name, so a rename loses nothing; one that became shorter was
//! truncated and begins anew. What was read stands in the cursor as an offset behind the last whole record. Records have no
//! identity of their own: after a crash between the door and the cursor's file, those of one look come twice. The events
//! made of them (a worker that was killed, a job that ran) have one, and don't.

mod follow;
mod lines;
mod odoo;
mod reader;
mod records;

pub(crate) use reader::LogReader;
