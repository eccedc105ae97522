//! Plain objects of JavaScript: written property by property, and read the same way.

use js_sys::{Array, JsString, Reflect, Uint8Array};
use sprag_protocol::AccountName;
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

/// A count, as JavaScript has numbers. None of ours comes near to where they are not exact any more.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
pub(crate) fn number(count: u64) -> f64 {
    count as f64
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

/// The same, as a length.
pub(crate) fn limit(number: f64) -> Result<usize, Fault> {
    Ok(usize::try_from(count(number)?).unwrap_or(usize::MAX))
}

/// A moment in milliseconds since 1970; one before that is 1970.
pub(crate) fn moment(now: f64) -> u64 {
    count(now).unwrap_or_default()
}

/// A text in lower case, by the browser's tables.
pub(crate) fn lowercase(text: &str) -> String {
    JsString::from(text).to_lower_case().into()
}

/// A property; `undefined` where there is none.
pub(crate) fn get(of: &JsValue, name: &str) -> JsValue {
    Reflect::get(of, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
}

/// A text. (Were the parameter of an exported function a `String`, whatever JavaScript hands in would be taken for one,
/// and corrupt the memory.)
pub(crate) fn string(value: &JsValue) -> Result<String, Fault> {
    value.as_string().ok_or_else(bad_argument)
}

pub(crate) fn text(of: &JsValue, name: &str) -> Result<String, Fault> {
    string(&get(of, name))
}

pub(crate) fn flag(of: &JsValue, name: &str) -> bool {
    get(of, name).is_truthy()
}

pub(crate) fn counted(of: &JsValue, name: &str) -> Result<u64, Fault> {
    count(get(of, name).as_f64().ok_or_else(bad_argument)?)
}

/// The bytes of a `Uint8Array`.
pub(crate) fn octets(value: &JsValue) -> Result<Vec<u8>, Fault> {
    value.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec).ok_or_else(bad_argument)
}

/// An array's items.
pub(crate) fn items(value: &JsValue) -> Result<Vec<JsValue>, Fault> {
    value.dyn_ref::<Array>().map(Array::to_vec).ok_or_else(bad_argument)
}

/// An account's name, as a person gave it.
pub(crate) fn name(name: &JsValue) -> Result<AccountName, Fault> {
    AccountName::new(&string(name)?).map_err(|_| sprag_client::Error::Name.into())
}
