//! `orchestrate`: twelve coding agents on one git repository, with gates that none of them can bypass.
//!
//! domain decides, ledger remembers, edge touches, supervisor drives, view shows, interface speaks.
#![forbid(unsafe_op_in_unsafe_fn)]

pub mod domain;
pub mod edge;
pub mod interface;
pub mod ledger;
pub mod supervisor;
pub mod verify;
pub mod view;
