//! One whole change, with the real client in every seat.

use super::program;
use crate::stories::told;

#[test]
fn a_change_passes_the_five_gates_by_real_clients_alone() {
    let Some(client) = program() else { return };
    told("main-path.md", |world| world.with_client(&client));
}
