//! Tasks about marking codes (ATOL note 4.1, 4.6).

use super::Refusal;
use super::fields::Fields;
use super::items;
use crate::atol::Code;
use crate::atol::json::Json;
use crate::atol::marks::Marks;
use crate::atol::register::Register;

/// A task about marking codes.
pub(super) enum Marking {
    Validate {
        marks: Vec<String>,
        waits: bool,
    },
    Add(Vec<String>),
    Clear,
    Status,
    AllReady,
    Accept,
    Decline,
    Cancel,
    /// Is the state's system there?
    Ping,
}

impl Marking {
    pub(super) fn read(kind: &str, fields: &Fields<'_>) -> Result<Option<Self>, Refusal> {
        let plain = match kind {
            "validateMarks" => {
                fields.only(&["type", "timeout", "waitForResult", "params"])?;
                fields.u32("timeout")?;
                let waits = fields.flag("waitForResult")?.unwrap_or(true);
                return Ok(Some(Self::Validate { marks: params(fields)?, waits }));
            }
            "addMarksToBuffer" => {
                fields.only(&["type", "params"])?;
                return Ok(Some(Self::Add(params(fields)?)));
            }
            "clearMarkingCodeValidationResult" => Self::Clear,
            "getMarkingCodeValidationStatus" => Self::Status,
            "checkMarkingCodeValidationsReady" => Self::AllReady,
            "acceptMarkingCode" => Self::Accept,
            "declineMarkingCode" => Self::Decline,
            "cancelMarkingCodeValidation" => Self::Cancel,
            "checkImcTime" | "checkImcWorkState" | "pingIsm" => Self::Ping,
            _ => return Ok(None),
        };
        fields.only(&["type"])?;
        Ok(Some(plain))
    }

    pub(super) fn run(self, register: &mut Register) -> Result<Json, Code> {
        register.reach()?;
        Marks::ready(&register.settings)?;
        match self {
            Self::Validate { marks, waits } => {
                let results = marks.iter().map(|mark| check_result(register, mark)).collect();
                if !waits {
                    register.marks().begin(marks.into_iter().next_back());
                }
                return Ok(Json::List(results));
            }
            Self::Status => {
                let mark = register.marks().begun()?.to_owned();
                return Ok(check_result(register, &mark));
            }
            Self::AllReady => return Ok(Json::object([("ready", Json::flag(true))])),
            Self::Add(marks) => register.marks().add(marks)?,
            Self::Accept => register.marks().accept()?,
            Self::Decline | Self::Cancel => register.marks().decline()?,
            Self::Clear => register.marks().clear(),
            Self::Ping => {}
        }
        Ok(Json::Null)
    }
}

fn params(fields: &Fields<'_>) -> Result<Vec<String>, Refusal> {
    let codes = |params| items::mark_of(params).map(|(code, _)| code);
    fields.need_objects("params")?.iter().map(codes).collect()
}

fn check_result(register: &Register, mark: &str) -> Json {
    let good = Json::flag(Marks::is_good(&register.settings, mark));
    let flags = Json::object([
        ("imcCheckFlag", good.clone()),
        ("imcCheckResult", good.clone()),
        ("imcStatusInfo", good.clone()),
        ("imcEstimatedStatusCorrect", good),
        ("ecrStandAloneFlag", Json::flag(false)),
    ]);
    Json::object([("itemInfoCheckResult", Some(flags))])
}
