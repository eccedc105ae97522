//! What the command prints, and how it exits. `TRYCMD=overwrite cargo test` writes it anew.

#[test]
fn commands() {
    trycmd::TestCases::new()
        .env("COLUMNS", "80")
        .env("XDG_DATA_HOME", "/nonexistent")
        .case("tests/cmd/*.trycmd")
        .case("tests/cmd/*.toml");
}
