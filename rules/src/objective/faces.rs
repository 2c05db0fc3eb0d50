//! Under which severity label an objective speaks, and of which lines. What burns while `page: none` holds is no page
//! afterwards either: each slice speaks under the label that its own line has.

use plimsoll_model::Severity;

use super::Objective;

/// One severity label of a tier's severity, and the lines that speak under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Face {
    pub(crate) severity: Severity,
    pub(crate) label: String,
    /// By their number; 0 is the objective's own.
    lines: Vec<usize>,
}

impl Face {
    pub(crate) fn speaks_of(&self, line: usize) -> bool {
        self.lines.contains(&line)
    }
}

impl Objective {
    /// Pages first. One face for each severity, unless lines name others.
    pub(crate) fn faces(&self) -> Vec<Face> {
        let mut faces: Vec<Face> = Vec::new();
        for severity in [Severity::Page, Severity::Ticket] {
            for line in 0..=self.clock.lines.len() {
                let Some(label) = self.label_of(line, severity) else { continue };
                let known = faces.iter_mut().find(|face| face.severity == severity && face.label == label);
                match known {
                    Some(face) => face.lines.push(line),
                    None => faces.push(Face { severity, label: label.to_owned(), lines: vec![line] }),
                }
            }
        }
        faces
    }

    /// `None` when this line is silent.
    fn label_of(&self, line: usize, severity: Severity) -> Option<&str> {
        let other = line.checked_sub(1).and_then(|at| self.clock.lines.get(at)).map(|line| &line.severities);
        let own_name = other.and_then(|names| match severity {
            Severity::Page => names.page.as_deref(),
            Severity::Ticket => names.ticket.as_deref(),
        });
        match own_name {
            Some(name) => Some(name).filter(|name| *name != "none"),
            None => self.severities.label(severity),
        }
    }

    pub(super) fn tells_of(&self, severity: Severity) -> bool {
        (0..=self.clock.lines.len()).any(|line| self.label_of(line, severity).is_some())
    }
}
