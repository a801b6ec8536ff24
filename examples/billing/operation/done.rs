//! `[[grace]]` and `[[done]]`.

use countersign_billing::rollout::{
    CompletedTask, Grace, OffboardingTask, Practice, PracticeError,
};
use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

use super::File;
use super::place::{Place, login_key};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraceTable {
    person: Spanned<String>,
    system: Spanned<String>,
    until: Spanned<Datetime>,
}

impl GraceTable {
    /// The last day is written; the grace ends with it.
    pub fn read(&self, place: &Place<'_>, file: &File, practice: &mut Practice) {
        let (person, system) = (place.person(&self.person), place.system(&self.system));
        let (Some(person), Some(system), Some(last)) = (person, system, place.date(&self.until))
        else {
            return;
        };
        let until = practice.offset().day_end(last).plus(1);
        let Err(refusal) = practice.add_grace(&system, &person, Grace::restore(until)) else {
            return;
        };
        // A refused date of go-live is missing here, and was an error there.
        if refusal == PracticeError::GraceWithoutGoLive
            && place.has_failed(&login_key(system.as_str(), "go_live"))
        {
            return;
        }
        file.refuse(place, self.until.span(), &refusal, person.as_str());
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoneTable {
    leaver: Spanned<String>,
    task: Spanned<String>,
    system: Option<Spanned<String>>,
    client: Option<Spanned<String>>,
    by: Spanned<String>,
    at: Spanned<Datetime>,
}

impl DoneTable {
    pub fn read(&self, place: &Place<'_>, file: &File, practice: &mut Practice) {
        let task = self.task(place);
        let (leaver, by) = (place.person(&self.leaver), place.person(&self.by));
        let at = place.moment(&self.at, practice.offset());
        let (Some(task), Some(leaver), Some(by), Some(at)) = (task, leaver, by, at) else { return };
        let completed = CompletedTask { leaver, task, by, at };
        let Err(refusal) = practice.add_completed_task(completed) else { return };
        let about = self.system.as_ref().or(self.client.as_ref());
        if refusal == PracticeError::NoSuchTask
            && about.is_some_and(|at| {
                place.has_failed(at.get_ref())
                    || place.has_failed(&login_key(at.get_ref(), self.leaver.get_ref()))
            })
        {
            return;
        }
        let at = match &refusal {
            PracticeError::NoSuchTask => about.map(Spanned::span),
            PracticeError::NotTheirs(_) => Some(self.by.span()),
            PracticeError::Ahead(_) | PracticeError::SeenLater { .. } => Some(self.at.span()),
            PracticeError::UnknownPerson(person) if person.as_str() == self.by.get_ref() => {
                Some(self.by.span())
            }
            _ => None,
        };
        file.refuse(place, at.unwrap_or(self.leaver.span()), &refusal, self.leaver.get_ref());
    }

    fn task(&self, place: &Place<'_>) -> Option<OffboardingTask> {
        let words = [("remove-login", 0), ("change-shared-password", 1), ("notify-client", 2)];
        match (place.word(&self.task, &words)?, &self.system, &self.client) {
            (0, Some(system), None) => Some(OffboardingTask::RemoveLogin(place.system(system)?)),
            (1, Some(system), None) => {
                Some(OffboardingTask::ChangeSharedPassword(place.system(system)?))
            }
            (2, None, Some(client)) => Some(OffboardingTask::NotifyClient(place.client(client)?)),
            _ => {
                let what = "a login or password names its `system`, a notice its `client`";
                place.refuse(self.task.span(), what);
                None
            }
        }
    }
}
