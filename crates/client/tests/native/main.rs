//! The SDK against a real relay on loopback.

mod files;
mod people;
mod profiles;
mod talking;
mod trouble;
mod world;
