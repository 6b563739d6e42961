//! What a register is, and how it behaves where nobody outside knows how a real one does.

use super::Code;

/// The settings of a simulated register.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The name of the model.
    pub model: String,
    /// The serial number of the register.
    pub serial: String,
    /// Its firmware.
    pub firmware: String,
    /// The version of the driver.
    pub driver: String,
    /// The serial number of its fiscal memory: 16 digits.
    pub memory: String,
    /// Its registration number (РНМ): 16 digits.
    pub registration: String,
    /// The name of the organisation.
    pub organisation: String,
    /// Its tax number.
    pub vatin: String,
    /// Where it stands.
    pub address: String,
    /// Characters of a line.
    pub width: usize,
    /// The version of the fiscal data format.
    pub format: String,
    /// The taxation systems that were registered, in the driver's words.
    pub taxations: Vec<String>,
    /// The rates that the firmware knows, in the driver's words; any other is 144.
    pub rates: Vec<String>,
    /// The rates that the driver knows; any other is 501.
    pub driver_rates: Vec<String>,
    /// The rate of a line that names none.
    pub department_rate: String,
    /// Minutes east of UTC that the host glues on the register's times.
    pub offset_min: i16,
    /// A field that the note does not name is refused, instead of ignored as the driver does.
    pub unknown_fields_refused: bool,
    /// Fields of `fiscalParams` that the driver could not read.
    pub unread_fields: Vec<String>,
    /// How long the memory keeps the full text of its documents, in days.
    pub full_text_days: u32,
    /// Marking codes that the state's system refuses, as they come in `imc`.
    pub refused_marks: Vec<String>,
    /// The state's system for marking codes answers.
    pub marking_online: bool,
    /// A receipt in a closed shift opens the shift by itself, instead of 73.
    pub opens_shift: bool,
    /// What a receipt in an expired shift gets: 68 or 141.
    pub expired_code: Code,
    /// An X report may be printed in a closed shift.
    pub x_in_closed_shift: bool,
    /// `continuePrint` with nothing to print is 81 instead of 0.
    pub nothing_to_print_is_81: bool,
    /// Closing the shift empties the drawer.
    pub drawer_emptied_at_close: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
        Self {
            model: "ATOL SIM".into(),
            serial: "00106500000001".into(),
            firmware: "5.20.0".into(),
            driver: "10.10.8.0".into(),
            memory: "9999078900001234".into(),
            registration: "0000000001012345".into(),
            organisation: "ООО «Ромашка»".into(),
            vatin: "7700000007".into(),
            address: "Москва, Садовая, 1".into(),
            width: 42,
            format: "1.2".into(),
            taxations: words(&["osn", "usnIncome"]),
            rates: words(&[
                "none", "vat0", "vat5", "vat7", "vat10", "vat20", "vat22", "vat105", "vat107",
                "vat110", "vat120", "vat122",
            ]),
            driver_rates: words(&[
                "none", "vat0", "vat5", "vat7", "vat10", "vat18", "vat20", "vat22", "vat105",
                "vat107", "vat110", "vat118", "vat120", "vat122",
            ]),
            department_rate: "none".into(),
            offset_min: 180,
            unknown_fields_refused: true,
            unread_fields: Vec::new(),
            full_text_days: 30,
            refused_marks: Vec::new(),
            marking_online: true,
            opens_shift: true,
            expired_code: Code::SHIFT_EXPIRED,
            x_in_closed_shift: true,
            nothing_to_print_is_81: false,
            drawer_emptied_at_close: false,
        }
    }
}
