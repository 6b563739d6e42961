//! What is sent.

use core::fmt::Write;
use core::time::Duration;

use quick_xml::escape::escape;

use crate::profile::Profile;

/// Writes a request: ids in order, values escaped, the time in milliseconds that the service may
/// take. All values are ASCII, so every encoding of it is the same.
pub fn write(profile: &Profile, fields: &[(u16, String)], timeout: Duration) -> String {
    let mut sorted: Vec<_> = fields.iter().collect();
    sorted.sort_by_key(|(id, _)| *id);
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<request>\n");
    let width = if profile.short_ids { 1 } else { 2 };
    for (id, value) in sorted {
        let value = escape(value.as_str());
        // Writing to a string does not fail.
        let _ = writeln!(xml, "  <field id=\"{id:0width$}\">{value}</field>");
    }
    let _ = writeln!(xml, "  <timeout>{}</timeout>\n</request>", timeout.as_millis());
    xml
}
