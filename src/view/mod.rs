//! State -> pages: plain structs that the supervisor answers with and every interface prints. No IO, no clock.
//!
//! Nothing here is green by omission: what was not judged says so, and says it first.

pub mod answer;
pub mod qr;
pub mod receipt;
pub mod report;
pub mod sarif;
pub mod text;
pub mod turn;

mod bypass;
mod certificate;
mod dashboard;
mod deploy;
mod gate;
mod inbox;
mod line;
mod lock;
mod mail;
mod metrics;
mod motion;
mod review;
mod status;
mod task;
mod whoami;

pub use bypass::{BypassLine, BypassPage, bypass, bypasses};
pub use certificate::{Certificate, certificates};
pub use dashboard::{Dashboard, LetterLine, dashboard};
pub use deploy::{DeployLine, DeployPage, Deployments, deployment, deployments};
pub use gate::{CheckLine, GateLine, GatePage, GateState, Judge, RunLine, Word, gate};
pub use inbox::{MailLine, inbox, mails};
pub use line::line;
pub use lock::{EditPage, LockLine, LockPage, LockWhy, Locked, WishLine, edit, lock_why, locked, locks};
pub use mail::{MailPage, Recipient, mail};
pub use metrics::metrics;
pub use motion::{MotionLine, motions};
pub use review::{CommitLine, FileLine, ReviewLine, ReviewPage, review, reviews};
pub use status::{Doing, Frozen, MailCount, RefusalLine, SILENT, SeatLine, SeatState, Seen, StageCount, Status, Waiting, status};
pub use task::{AttemptPage, Confirmable, TaskLine, TaskPage, task, tasks};
pub use turn::{Standing, Turn};
pub use whoami::{Whoami, whoami};

#[cfg(test)]
pub(crate) mod tests;
