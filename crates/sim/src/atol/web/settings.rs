//! The server's own settings, as they are stored (ATOL note 3.3).

use crate::atol::json::Json;

/// What `GET settings` shows.
#[derive(Debug)]
pub(super) struct Stored {
    scripts_path: String,
    invert_drawer: bool,
    header_lines: String,
    footer_lines: String,
    pub(super) block_on_print_errors: bool,
    /// Minutes.
    pub(super) delete_after_min: u32,
    pub(super) validate_on_add: bool,
}

impl Stored {
    pub(super) fn new() -> Self {
        Self {
            scripts_path: String::new(),
            invert_drawer: false,
            header_lines: String::new(),
            footer_lines: String::new(),
            block_on_print_errors: false,
            delete_after_min: 43_200,
            validate_on_add: false,
        }
    }

    pub(super) fn shown(&self) -> Json {
        Json::object([
            ("scriptsPath", Json::text(&*self.scripts_path)),
            ("invertCashDrawerStatus", Json::flag(self.invert_drawer)),
            ("additionalHeaderLines", Json::text(&*self.header_lines)),
            ("additionalFooterLines", Json::text(&*self.footer_lines)),
            ("blockQueueOnPrintErrors", Json::flag(self.block_on_print_errors)),
            ("deleteRequestsAfter", Json::number(self.delete_after_min)),
            ("validateRequestsOnAdd", Json::flag(self.validate_on_add)),
        ])
    }

    /// Takes over what is there, or nothing: the name of what is wrong.
    pub(super) fn change(&mut self, body: &Json) -> Result<(), &'static str> {
        let flag = |name: &'static str, old: bool| match body.get(name) {
            None => Ok(old),
            Some(value) => value.as_bool().ok_or(name),
        };
        let text = |name: &'static str, old: &str| match body.get(name) {
            None => Ok(old.to_owned()),
            Some(value) => value.as_text().map(ToOwned::to_owned).ok_or(name),
        };
        let after = match body.get("deleteRequestsAfter") {
            None => self.delete_after_min,
            Some(value) => value.as_u32().ok_or("deleteRequestsAfter")?,
        };
        *self = Self {
            scripts_path: text("scriptsPath", &self.scripts_path)?,
            invert_drawer: flag("invertCashDrawerStatus", self.invert_drawer)?,
            header_lines: text("additionalHeaderLines", &self.header_lines)?,
            footer_lines: text("additionalFooterLines", &self.footer_lines)?,
            block_on_print_errors: flag("blockQueueOnPrintErrors", self.block_on_print_errors)?,
            delete_after_min: after,
            validate_on_add: flag("validateRequestsOnAdd", self.validate_on_add)?,
        };
        Ok(())
    }
}
