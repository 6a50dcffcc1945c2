use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A config that decides whether a saved training can be resumed.
pub trait Resumable: Clone + Serialize + DeserializeOwned {
    /// This config with fixed values for all settings that may differ when a training is resumed.
    fn essence(&self) -> Self;

    /// The path of the first field, such as `data.batch_size`, in which two configs differ so that a training of one
    /// cannot be resumed with the other.
    fn first_difference(&self, other: &Self) -> Option<String> {
        let json = |config: &Self| serde_json::to_value(config.essence()).unwrap_or_default();
        first_difference(&json(self), &json(other))
    }
}

/// The path of the first value in which `a` and `b` differ.
fn first_difference(a: &Value, b: &Value) -> Option<String> {
    if let (Value::Object(a), Value::Object(b)) = (a, b) {
        let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
        for key in keys {
            let (null, below) = (Value::Null, |rest: String| match rest.is_empty() {
                true => key.clone(),
                false => format!("{key}.{rest}"),
            });
            let found = first_difference(a.get(key).unwrap_or(&null), b.get(key).unwrap_or(&null));
            if let Some(rest) = found {
                return Some(below(rest));
            }
        }
        return None;
    }
    (a != b).then(String::new)
}
