//! The JSON schema of both documents.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

use super::raw::director::RawDirector;
use super::raw::unit::RawUnit;
use super::{DIRECTOR_FILE, UNIT_FILE};

/// The JSON schemas (draft 2020-12) of the documents, by file name: every key with its meaning, range and default.
pub fn schema() -> Value {
    json!({ UNIT_FILE: schema_of::<RawUnit>(), DIRECTOR_FILE: schema_of::<RawDirector>() })
}

fn schema_of<T: JsonSchema>() -> Value {
    let mut schema =
        SchemaGenerator::new(SchemaSettings::draft2020_12()).into_root_schema_for::<T>().to_value();
    join_lines(&mut schema);
    schema
}

/// Descriptions come from comments, whose line breaks mean nothing to a reader of the schema.
fn join_lines(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::String(text)) = object.get_mut("description") {
                *text = text.replace('\n', " ");
            }
            object.values_mut().for_each(join_lines);
        }
        Value::Array(items) => items.iter_mut().for_each(join_lines),
        _ => {}
    }
}
