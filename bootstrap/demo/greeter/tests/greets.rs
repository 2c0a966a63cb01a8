#[test]
fn greets_by_name() {
    assert_eq!(greeter::greet("Ada"), "Hello, Ada!");
}

#[test]
fn spaces_around_a_name_do_not_count() {
    assert_eq!(greeter::greet(" Ada "), "Hello, Ada!");
}
