use super::super::desk::Desk;
use super::Home;
use crate::domain::failure::Doing;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::door::Passphrase;
use crate::verify::witness;
use std::path::PathBuf;

/// Answer workshops that ask for this witness's name, over HTTP.
///
/// Speaks C2SP tlog-witness at /add-checkpoint, and only with whoever brings the token. It listens on loopback, in the clear: a
/// reverse proxy or stunnel in front of it brings TLS. Ends when it is stopped.
///
/// Example: orchestrate witness serve --log WORKSHOP+ID+KEY --token-file ~/witness.token
#[derive(Debug, clap::Args)]
pub struct Serve {
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9465")]
    listen: String,
    /// A file of yours (mode 0600) with the token that a workshop has to bring.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    token_file: PathBuf,
    /// The checkpoint key of a workshop (`orchestrate ledger key`), from a source that you trust; may be given again.
    #[arg(long, value_name = "KEY")]
    log: Vec<String>,
    #[command(flatten)]
    home: Home,
}

impl Serve {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let witness = self.home.open(None)?;
        let token = Passphrase::of_file(&self.token_file)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().doing("cannot start")?;
        let say = |address: std::net::SocketAddr| desk.say(&format!("listening at {address}\n"));
        runtime.block_on(witness::serve(witness, self.log, &self.listen, token.reveal().trim(), say))?;
        Ok(Exit::Done)
    }
}
