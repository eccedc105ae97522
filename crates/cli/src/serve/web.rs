//! The web chat that this program carries, where it was built before this program was.

use rust_embed::RustEmbed;
use sprag_relay::pages::Pages;

/// What `npm run build` made of `web/`.
#[derive(RustEmbed)]
#[folder = "../../web/app/dist"]
#[allow_missing = true]
struct Built;

/// Says how to add it.
const ABSENT: &str = include_str!("web/absent.html");

/// What the relay serves to browsers.
pub(super) fn pages() -> Pages {
    let files = Built::iter().filter_map(|name| Some((name.to_string(), Built::get(&name)?.data)));
    let pages = Pages::new(files);
    if pages.is_empty() {
        return Pages::new([("index.html".to_owned(), ABSENT.as_bytes().into())]);
    }
    pages
}
