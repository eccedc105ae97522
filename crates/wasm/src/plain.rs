//! What JavaScript has in place of types: objects, written property by property, numbers and arrays.

use js_sys::{Array, Uint8Array};
use sprag_protocol::{AccountName, SafetyNumber};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use crate::fault::{Fault, bad_argument};

#[wasm_bindgen]
extern "C" {
    /// An object with whatever properties.
    #[wasm_bindgen(js_name = Object)]
    type Object;

    #[wasm_bindgen(constructor, js_class = "Object")]
    fn new() -> Object;

    #[wasm_bindgen(method, indexing_setter)]
    fn set(this: &Object, name: &str, value: &JsValue);
}

/// An object that is being written.
pub(crate) struct Plain(Object);

impl Plain {
    /// With nothing in it.
    pub(crate) fn new() -> Self {
        Self(Object::new())
    }

    /// With what tells it from others.
    pub(crate) fn of(name: &str, kind: &str) -> Self {
        Self::new().with(name, kind)
    }

    pub(crate) fn with(self, name: &str, value: impl Into<JsValue>) -> Self {
        self.0.set(name, &value.into());
        self
    }

    #[cfg(feature = "client")]
    pub(crate) fn maybe(self, name: &str, value: Option<impl Into<JsValue>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }
}

impl From<Plain> for JsValue {
    fn from(plain: Plain) -> Self {
        plain.0.into()
    }
}

/// An array of what the iterator gives.
pub(crate) fn list<T: Into<JsValue>>(items: impl IntoIterator<Item = T>) -> JsValue {
    let array = Array::new();
    for item in items {
        array.push(&item.into());
    }
    array.into()
}

/// A copy of bytes.
pub(crate) fn bytes(bytes: &[u8]) -> JsValue {
    Uint8Array::from(bytes).into()
}

/// A number that counts something: whole, not negative; what is too great is the greatest.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and what has no meaning was refused"
)]
pub(crate) fn count(number: f64) -> Result<u64, Fault> {
    if number >= 0.0 { Ok(number as u64) } else { Err(bad_argument()) }
}

/// A moment in milliseconds since 1970; one before that is 1970.
pub(crate) fn moment(now: f64) -> u64 {
    count(now).unwrap_or_default()
}

/// A text. (Were the parameter of an exported function a `String`, whatever JavaScript hands in would be taken for one,
/// and corrupt the memory.)
pub(crate) fn string(value: &JsValue) -> Result<String, Fault> {
    value.as_string().ok_or_else(bad_argument)
}

/// The bytes of a `Uint8Array`.
pub(crate) fn octets(value: &JsValue) -> Result<Vec<u8>, Fault> {
    value.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec).ok_or_else(bad_argument)
}

/// An account's name, as a person gave it.
pub(crate) fn name(name: &JsValue) -> Result<AccountName, Fault> {
    AccountName::new(&string(name)?).map_err(|_| Fault::of("bad-name"))
}

/// What two people compare.
pub(crate) fn safety_number(number: &SafetyNumber) -> JsValue {
    let digits = number.to_string();
    Plain::new()
        .with("groups", list(digits.split(' ')))
        .with("qr", bytes(&number.qr()))
        .with("digits", digits)
        .into()
}
