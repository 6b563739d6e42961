//! What goes wrong in a register, where, and for whom.

/// A place in the life of a document.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "drawn at the head of the module `register`")]
pub enum Point {
    P0,
    P1,
    P2,
    P3,
    P4,
    P5,
    P6,
}

impl Point {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::P0, Self::P1, Self::P2, Self::P3, Self::P4, Self::P5, Self::P6];
}

/// What happens there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// The paper ends.
    Paper,
    /// The link breaks, for so many calls; `u32::MAX` until somebody plugs it in.
    Link {
        /// How many calls find no link.
        calls: u32,
    },
    /// The power goes, until [`Register::power`](super::Register::power).
    Power,
    /// The memory does not answer. Whether it signed is the test's to say.
    Memory {
        /// It signed.
        signed: bool,
    },
}

/// A fault that waits for its document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trouble {
    /// Where it strikes.
    pub at: Point,
    /// What happens.
    pub fault: Fault,
    /// Only in JSON tasks of this type: `sell`.
    pub task: Option<String>,
    /// Only in tasks that the web server took under this uuid.
    pub uuid: Option<String>,
    /// How many times.
    pub times: u32,
}

impl Trouble {
    /// Once, in whatever document comes first.
    pub fn once(at: Point, fault: Fault) -> Self {
        Self { at, fault, task: None, uuid: None, times: 1 }
    }
}

/// Whose document is being written: what [`Trouble`] is compared with.
#[derive(Clone, Debug, Default)]
pub(super) struct Current {
    pub(super) task: Option<String>,
    pub(super) uuid: Option<String>,
}

/// The faults that have not happened.
#[derive(Clone, Debug, Default)]
pub(super) struct Troubles(Vec<Trouble>);

impl Troubles {
    pub(super) fn push(&mut self, trouble: Trouble) {
        if trouble.times > 0 {
            self.0.push(trouble);
        }
    }

    pub(super) fn len(&self) -> usize {
        let times = self.0.iter().map(|trouble| usize::try_from(trouble.times).unwrap_or(0));
        times.fold(0, usize::saturating_add)
    }

    /// Takes the first that strikes here.
    pub(super) fn take(&mut self, point: Point, current: &Current) -> Option<Fault> {
        let meant = |wanted: &Option<String>, is: &Option<String>| wanted.is_none() || wanted == is;
        let place = self.0.iter().position(|trouble| {
            trouble.at == point
                && meant(&trouble.task, &current.task)
                && meant(&trouble.uuid, &current.uuid)
        })?;
        let trouble = self.0.get_mut(place)?;
        let fault = trouble.fault;
        trouble.times = trouble.times.saturating_sub(1);
        if trouble.times == 0 {
            self.0.remove(place);
        }
        Some(fault)
    }
}
