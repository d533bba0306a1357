//! The guide's example is a type that works.

use crate::fixture::Types;

const GUIDE: &str = include_str!("../../../../docs/notification-types.md");

/// The fenced block that follows the line that names `file`.
fn block(file: &str) -> &'static str {
    let after = GUIDE.split_once(&format!("`types/order_shipped/{file}`")).unwrap().1;
    let inside = after.split_once("```").unwrap().1.split_once('\n').unwrap().1;
    inside.split_once("```").unwrap().0
}

#[test]
fn the_example_of_the_guide_loads_and_renders() {
    let types = Types::hello();
    for file in ["type.toml", "schema.json", "body.mjml", "samples/two_parcels.json"] {
        types.write(&format!("order_shipped/{file}"), block(file));
    }
    let preview = types.load().unwrap().preview("order_shipped", None, None).unwrap();
    assert_eq!(preview.subject, "Your order 1042 is on its way");
    assert!(preview.text.contains("Where is it? (https://track.example.com/1)"), "{}", preview.text);
    assert_eq!(preview.html.matches("Where is it?").count(), 1);
}
