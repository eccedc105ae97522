//! Compiles the socket frames; protox reads the `.proto` file, so that no protoc is needed.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let frames = "proto/frames.proto";
    println!("cargo::rerun-if-changed={frames}");
    let descriptors = protox::compile([frames], ["proto"])?;
    prost_build::Config::new().bytes(["."]).compile_fds(descriptors)?;
    Ok(())
}
