//! `train`: on a folder or on a project file, into a model or a project file.

use crate::args::Train;
use crate::commands::{print, readable};
use crate::groups::{self, Groups};
use crate::models;
use crate::pictures::{self, Folders};
use crate::progress::{self, Progress, clock};
use crate::project_file::{self, Opened, Source};
use anyhow::{Context, Result, bail};
use headstart::backbone::Backbone;
use headstart::dataset::{Home, Part};
use headstart::project_file::{About, BackboneMembers};
use headstart::report::TrainReport;
use headstart::train::{EventKind, Phase, TrainConfig};
use headstart::{Error, Project, bundle};
use std::fs;
use std::path::{Path, PathBuf};

/// Pictures that are decoded and embedded at once.
const BATCH: usize = 32;

/// A project with what its core does not know: where the files are.
struct Work {
    project: Project,
    settings: TrainConfig,
    /// The project file that it came from.
    opened: Option<Opened>,
    sources: Vec<Source>,
    /// What is still to come in.
    learn: Folders,
    test: Folders,
    groups: Groups,
}

/// Trains, and saves what is asked for.
pub async fn train(args: &Train) -> Result<()> {
    // Bad settings are told before minutes of embedding.
    args.config(TrainConfig::default()).check()?;
    for path in args.out.iter().chain(&args.save) {
        check_place(path)?;
    }
    let mut progress = Progress::new();
    let is_folder = args.what.is_dir() || !args.what.exists();
    let mut work = if is_folder { Work::of_folder(args, &mut progress).await? } else { Work::of_file(args).await? };
    if let Some(arithmetic) = args.arithmetic {
        work.project.set_arithmetic(arithmetic)?;
    }
    let config = args.config(work.settings.clone());
    // So are those of the project, and stages that this backbone cannot train.
    work.project.estimate(&config)?;
    work.project.choose_engines().await?;
    progress.done(&format!("Engine: {}", work.project.engine().reason));
    let start = clock();
    work.fill(&mut progress).await?;
    if let Some(dir) = args.test.as_deref().filter(|_| work.project.dataset().test_pictures().next().is_none()) {
        bail!("{} holds no pictures", dir.display());
    }
    let embed_seconds = clock() - start;
    run(&mut work.project, &config, &mut progress).await?;
    let mut report = work.project.report().context("training ended without a report")?.clone();
    report.seconds.embed = embed_seconds;
    if let Some(out) = &args.out {
        let classifier = work.project.classifier().ok_or(Error::NotTrained)?;
        fs::write(out, bundle::save(classifier.model(), Some(&report))?).with_context(|| out.display().to_string())?;
    }
    if let Some(path) = &args.save {
        work.save(path, args.backbone.is_some())?;
    }
    print(args.common.json, &report, || describe(&report))
}

/// Trains to the end, or until somebody has enough.
async fn run(project: &mut Project, config: &TrainConfig, progress: &mut Progress) -> Result<()> {
    let estimate = project.estimate(config)?;
    if !estimate.trainable_stages.is_empty() {
        let stages = estimate.trainable_stages.len();
        let seconds = estimate.total_seconds.map_or(String::new(), |s| format!(" About {s:.0} s."));
        progress.done(&format!(
            "Fine-tuning: {stages} stages, {} parameters. {}{seconds}",
            estimate.trainable_parameters, estimate.note
        ));
    }
    project.start_training(config)?;
    let interrupted = progress::interruption();
    loop {
        if interrupted() {
            progress.done("Stopping; the best so far is kept.");
            project.cancel_training().await?;
            return Ok(());
        }
        let event = project.step().await?;
        match event.kind {
            EventKind::Done => return Ok(()),
            _ => progress.event(&event),
        }
    }
}

/// A report for a person.
fn describe(report: &TrainReport) {
    let share = |value: Option<f64>| value.map_or("unknown".into(), |v| format!("{:.1} %", v * 100.0));
    println!("Classes: {}", report.classes.join(", "));
    println!(
        "Pictures: {} to train, {} to validate, {} to test",
        report.images.train, report.images.validation, report.images.test
    );
    println!("Best epoch: {} of {}", report.best_epoch, report.epochs_run);
    if report.fine_tune != "none" && report.phase == Phase::Head {
        println!("Kept: the head alone, for fine-tuning was no better on the held-out pictures");
    }
    println!("Validation accuracy: {}", share(report.validation_accuracy));
    println!("Test accuracy: {}", share(report.test_accuracy));
    for warning in &report.warnings {
        println!("Note: {}", warning.message);
    }
}

impl Work {
    /// A new project of a folder of pictures.
    async fn of_folder(args: &Train, progress: &mut Progress) -> Result<Self> {
        if args.further {
            bail!("{}: --further goes on from the model of a project file, and this is none", args.what.display());
        }
        let learn = pictures::folders(&args.what)?;
        let test = args.test.as_deref().map(pictures::folders).transpose()?.unwrap_or_default();
        check_folders(&learn, &test)?;
        let mut groups = Groups::new();
        if let Some(table) = &args.groups {
            let files = |folders: &Folders| folders.iter().flat_map(|(_, files)| files.clone()).collect();
            let all = [Some((args.what.as_path(), files(&learn))), args.test.as_deref().map(|dir| (dir, files(&test)))];
            let (said, remarks) = groups::read(table, &all.into_iter().flatten().collect::<Vec<_>>())?;
            groups = said;
            remarks.iter().for_each(|remark| progress.done(remark));
        }
        let engine = args.common.engine;
        let mut project = match &args.from {
            Some(file) => Project::of_model(engine, &models::read(file)?, pictures::served(file), clock).await?,
            None => Project::new(engine, given_backbone(args)?.map_or_else(bundled, Ok)?, clock).await?,
        };
        for (name, _) in &learn {
            project.dataset_mut().add_class(name)?;
        }
        let (settings, sources) = (TrainConfig::default(), Vec::new());
        Ok(Self { project, settings, opened: None, sources, learn, test, groups })
    }

    /// The project of a file, with what it was trained with last.
    async fn of_file(args: &Train) -> Result<Self> {
        let path = &args.what;
        if args.groups.is_some() {
            bail!("{}: --groups is for a folder of pictures: a project knows its recordings", path.display());
        }
        let mut opened = project_file::open(path)?;
        let written = opened.written()?;
        let backbone = match given_backbone(args)? {
            Some(backbone) => backbone,
            None => project_file::backbone(&mut opened, path)?,
        };
        let mut project = Project::open(args.common.engine, backbone, &written, clock).await?;
        project_file::check_pictures(&project, &opened)?;
        if let Some(file) = &args.from {
            project.load_with(&models::read(file)?, pictures::served(file))?;
        }
        let test = args.test.as_deref().map(pictures::folders).transpose()?.unwrap_or_default();
        for (name, _) in &test {
            project.dataset().class_named(name)?;
        }
        let settings = project.settings().cloned().unwrap_or_default();
        let shown = |id: u32| project.dataset().class_of(id).is_some();
        let sources = opened.pictures().iter().filter(|picture| shown(picture.id)).cloned().map(Source::Kept).collect();
        let (learn, groups) = (Folders::new(), Groups::new());
        Ok(Self { project, settings, opened: Some(opened), sources, learn, test, groups })
    }

    /// Has every picture decoded and embedded.
    async fn fill(&mut self, progress: &mut Progress) -> Result<()> {
        if let Some(opened) = &mut self.opened {
            let shown = |project: &Project, id: u32| project.dataset().class_of(id).is_some();
            project_file::restore(&mut self.project, opened, shown, progress).await?;
        }
        // First what is soon found to be missing.
        let (test, learn) = (std::mem::take(&mut self.test), std::mem::take(&mut self.learn));
        self.add(Part::Test, &test, progress).await?;
        self.add(Part::Learn, &learn, progress).await
    }

    /// Embeds the pictures of folders and adds them to the classes of these names.
    async fn add(&mut self, part: Part, folders: &Folders, progress: &mut Progress) -> Result<()> {
        let preprocess = self.project.backbone().card().preprocess();
        let total: usize = folders.iter().map(|(_, files)| files.len()).sum();
        let what = if part.is_learn() { "pictures" } else { "test pictures" };
        let mut seen = 0;
        for (name, files) in folders {
            let class = self.project.dataset().class_named(name)?;
            // Of one recording each, as many as are embedded at once.
            let recordings = files.chunk_by(|one, other| self.groups.get(one) == self.groups.get(other));
            let batches: Vec<&[PathBuf]> = recordings.flat_map(|files| files.chunks(BATCH)).collect();
            for files in batches {
                let group = files.first().and_then(|file| self.groups.get(file)).cloned();
                let read = |file: &Path| Ok((file.to_path_buf(), pictures::picture(file, &preprocess)?));
                let (paths, pictures): (Vec<_>, Vec<_>) = readable(files, read, progress).into_iter().unzip();
                let home = Home { class, group: group.clone(), part };
                let ids = self.project.add_pictures_at(home, pictures).await?;
                let of = |(id, path)| Source::File { id, group: group.clone(), path };
                self.sources.extend(ids.into_iter().zip(paths).map(of));
                seen += files.len();
                progress.show(&format!("Embedding: {seen} of {total} {what}"));
            }
        }
        Ok(())
    }

    /// Writes all of it into a project file. Its backbone goes with it unless it is one that is found by its name.
    fn save(mut self, path: &Path, other_backbone: bool) -> Result<()> {
        let opened = self.opened.as_mut().filter(|_| !other_backbone);
        let backbone = self.project.backbone();
        let (called, members) = match opened {
            Some(opened) => (opened.about().backbone.clone(), opened.backbone()?),
            None if backbone.computes_as(&bundled()?) => (pictures::DEFAULT_BACKBONE.into(), None),
            None => {
                let config = Some(backbone.config()?);
                (backbone.report().label, Some(BackboneMembers { weights: backbone.to_safetensors()?, config }))
            }
        };
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let name = self.opened.as_ref().map_or(name, |opened| opened.about().name.clone());
        let about = About { name, stale: false, backbone: called };
        self.sources.sort_by_key(Source::id);
        project_file::write(path, &self.project, about, members.as_ref(), self.opened.as_mut(), &self.sources)
    }
}

/// The backbone that was typed.
fn given_backbone(args: &Train) -> Result<Option<Backbone>> {
    args.backbone.as_deref().map(pictures::backbone).transpose()
}

fn bundled() -> Result<Backbone> {
    pictures::backbone(pictures::DEFAULT_BACKBONE)
}

/// What can be wrong with the folders is told before minutes of embedding.
fn check_folders(folders: &Folders, test: &Folders) -> Result<()> {
    if folders.len() < 2 {
        return Err(Error::TooFewClasses(folders.len()).into());
    }
    if let Some((name, _)) = folders.iter().find(|(_, files)| files.is_empty()) {
        return Err(Error::ClassWithoutPictures(name.clone()).into());
    }
    match test.iter().find(|(name, _)| !folders.iter().any(|(known, _)| known == name)) {
        Some((name, _)) => Err(Error::ClassUnknown(name.clone()).into()),
        None => Ok(()),
    }
}

/// Whether there is a folder for a file that is to be written.
fn check_place(file: &Path) -> Result<()> {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            bail!("{}: there is no such folder to save in", folder.display())
        }
        _ => Ok(()),
    }
}
