//! Plain objects of JavaScript, read property by property.

use js_sys::{Array, JsString, Reflect};
use wasm_bindgen::{JsCast, JsValue};

use crate::fault::{Fault, bad_argument};
use crate::plain::{count, string};

/// A property; `undefined` where there is none.
pub(crate) fn get(of: &JsValue, name: &str) -> JsValue {
    Reflect::get(of, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
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

/// An array's items.
pub(crate) fn items(value: &JsValue) -> Result<Vec<JsValue>, Fault> {
    value.dyn_ref::<Array>().map(Array::to_vec).ok_or_else(bad_argument)
}

/// The same, as a length.
pub(crate) fn limit(number: f64) -> Result<usize, Fault> {
    Ok(usize::try_from(count(number)?).unwrap_or(usize::MAX))
}

/// A count, as JavaScript has numbers. None of ours comes near to where they are not exact any more.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
pub(crate) fn number(count: u64) -> f64 {
    count as f64
}

/// A text in lower case, by the browser's tables.
pub(crate) fn lowercase(text: &str) -> String {
    JsString::from(text).to_lower_case().into()
}
