//! Builds the page and the server, and starts Warmline.
fn main() {}
