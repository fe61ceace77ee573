"""The words of a paper that follow from its run: methods, statement, captions, an example text."""

from __future__ import annotations

from collections.abc import Sequence

from tiercap.optimizer.paper import labels, latex
from tiercap.optimizer.paper.exhibit import Figure, Table
from tiercap.optimizer.paper.material import Material
from tiercap.optimizer.search import seeds
from tiercap.optimizer.study import engines

#: What users of the data owe to those who gathered them.
ATTRIBUTIONS = (
    "Chip figures, sales and trends: Epoch AI, Machine Learning Hardware, AI Chip Sales and AI chip owners (April "
    "2026), Trends in Machine Learning Hardware (2023), Algorithmic progress in language models (2024), epoch.ai, "
    "licensed CC BY; selected, converted and joined with other sources.",
    "Rules: US Bureau of Industry and Security, Federal Register (87 FR 62186, 88 FR 73458, 90 FR 4544, 91 FR 1684), "
    "and company filings.",
    "Single figures, each cited where it stands: the press, makers' data sheets and announcements, and research "
    "houses.",
    "Sobol direction numbers: S. Joe and F. Y. Kuo (2008), Constructing Sobol sequences with better two-dimensional "
    "projections, SIAM Journal on Scientific Computing 30(5).",
)  # fmt: skip


def statement(material: Material) -> list[str]:
    """What every report carries: that it is a model, what it rests on, whose data it uses."""
    total = len(material.problem.study.parameters)
    counts = material.evidence
    listed = ", ".join(f"{count} {tag}" for tag, count in counts.items() if count)
    return [
        f"Modelled, not forecast. Of the model's {total} parameters {material.weak} "
        f"({100 * material.weak / total:.0f} %) rest on assumptions, secondary sources or memory; "
        f"by evidence: {listed}.",
        " ".join(ATTRIBUTIONS),
    ]


def methods(material: Material) -> list[str]:
    """What was computed, from the run's manifest: study, futures, search, versions."""
    problem, manifest = material.problem, material.run.manifest
    study, versions = problem.study, manifest["versions"]
    horizon = study.horizon
    last = horizon.start + horizon.years - 1
    steps = {1: "yearly", 2: "half-yearly", 4: "quarterly"}.get(
        horizon.steps_per_year, f"{horizon.steps_per_year}-a-year"
    )
    levers = ", ".join(labels.lever(lever.name).name for lever in study.levers)
    signs = zip(problem.objectives, problem.scoring.signs.tolist(), strict=True)
    aims = ", ".join(
        f"{labels.outcome(name).name} ({'maximised' if sign < 0 else 'minimised'})" for name, sign in signs
    )
    bounds = f" Constraints: {'; '.join(problem.scoring.bounds())}." if study.constraints else ""
    own = sorted(study.own_parameters())
    changed = f" Set by the study itself: {', '.join(own)}." if own else ""
    return [
        f"The study “{study.name}” ({study.title or 'untitled'}) follows the model over {horizon.start} to {last} in "
        f"{steps} steps. It moves {len(study.levers)} levers ({levers}) and scores {len(study.objectives)} "
        f"objectives, means over the futures unless another statistic is named: {aims}.{bounds} Every policy is "
        f"compared with {study.baseline}, the rule in force.{changed}",
        _futures(material),
        _searched(material),
        f"Computed with tiercap {versions['tiercap']} (kernel sources SHA-256 "
        f"{manifest['configuration']['code']['kernel_sources'][:16]}), Numba {versions['numba']}, NumPy "
        f"{versions['numpy']} and Python {versions['python']}. The same study and seeds give the same bits for any "
        "number of threads.",
    ]


def _futures(material: Material) -> str:
    plan, drawn = material.problem.study.scenarios, material.problem.scenarios
    uncertain = sum(info.distribution is not None for info in material.problem.study.parameters)
    if drawn.kind == "central":
        return "There is one future, with every parameter at its central value."
    if drawn.kind != "calibrated":
        return (
            f"The {len(drawn):,} futures draw {uncertain} uncertain parameters from their own ranges, independently "
            f"({'scrambled Sobol points' if drawn.kind == 'sobol' else 'pseudo-random numbers'}, seed {plan.seed}); "
            "every policy meets the same."
        )
    name = "an ensemble of the study's own" if plan.file else f"the ensemble {drawn.source}"
    only = f", of the structure {plan.structure} alone" if plan.structure else ""
    return (
        f"The {len(drawn):,} futures are members of {name} (SHA-256 {drawn.digest[:16]}), which was fitted to the "
        f"record{only}; by their weights they are worth {drawn.effective:.0f} (seed {plan.seed}). Of "
        f"the model's parameters {uncertain} vary; those that the fit leaves open are drawn from their own ranges. "
        "Every policy meets the same futures."
    )


def _searched(material: Material) -> str:
    """How the policies were found, and how far the search came."""
    search, manifest = material.problem.study.search, material.run.manifest
    few = f"{min(search.screen_scenarios, len(material.problem.scenarios)):,} futures"
    bred = f", bred {search.screen_generations} generations of children from the best there" if search.screen else ""
    options = engines.options_of(search.engine, search.options)
    told = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in options.items())
    volume, trials = manifest["hypervolume"], search.trials
    if search.engine == "grid":
        trials = int(options["points"]) ** len(material.problem.study.levers)
    early = f", or fewer where {search.patience} generations gained nothing" if search.patience else ""
    pruned = f" A pruner ({search.pruner}) gave up policies after the few futures." if search.pruner != "none" else ""
    return (
        f"The search screened {search.screen:,} policies, scrambled Sobol points of the levers, in {few}{bred}, and "
        f"took the {search.promoted:,} that cover the front of these best to all futures. From there the engine "
        f"{search.engine} ({engines.ENGINES[search.engine].meaning}; {told or 'no options'}), a sampler of Optuna "
        f"{manifest['versions']['optuna']}, tried {trials:,} policies, {search.population} at a time, "
        f"{_seeds(material)}{early}.{pruned} That took {manifest['evaluations']:,} evaluations of a policy in a "
        f"future. The front has {len(material.run):,} policies; its scaled hypervolume is {volume['value']:.4f} "
        f"({volume['low']:.4f} to {volume['high']:.4f} in 90 of 100 resamplings of the futures) and was "
        f"{volume['before_optuna']:.4f} before the engine.{_afterwards(material)}"
    )


def _seeds(material: Material) -> str:
    """The seed of the search, or of each of several searches whose front is that of all."""
    several = seeds.recorded(material.run.manifest)
    if several is None or len(several) == 1:
        return f"seed {material.problem.study.search.seed}"
    return f"once from each of the seeds {', '.join(map(str, several))}, and the front is that of all together"


def _afterwards(material: Material) -> str:
    """What fresh futures say of the front, and how many policies can be told apart."""
    fresh, groups, n = material.run.manifest.get("fresh"), material.run.manifest.get("groups"), len(material.run)
    told = ""
    if isinstance(fresh, dict):
        told += (
            f" In {fresh['count']:,} fresh futures, which the search did not meet, {fresh['undominated']:,} of the "
            f"{n:,} are still undominated."
        )
    if isinstance(groups, dict):
        told += f" The front falls into {groups['count']:,} groups of policies that cannot be told apart there."
    return told


def captions(shown: Sequence[Figure]) -> str:
    """A macro for every figure's caption."""
    lines = ["% Captions of the figures. Needs \\usepackage[T1]{fontenc} and \\usepackage{textcomp}.\n"]
    lines += [f"\\newcommand{{\\tcCaption{f.name.capitalize()}}}{{{latex.escape(f.caption)}}}\n" for f in shown]
    return "".join(lines)


def example(material: Material, figures: Sequence[Figure], tables: Sequence[Table]) -> str:
    """A text that includes everything and compiles with pdflatex."""
    title = latex.escape(material.problem.study.title or material.problem.study.name)
    wide = "".join(_figure(f.name, "2col", f"\\tcCaption{f.name.capitalize()}") for f in figures)
    ends = ("\\hfill\n", "\\par\\bigskip\\noindent\n")
    narrow = "".join(
        f"\\begin{{minipage}}[t]{{3.5in}}\\centering\\includegraphics{{figures/{f.name}-1col.pdf}}\\end{{minipage}}"
        + ends[k % 2]
        for k, f in enumerate(figures)
    )
    listed = "".join(f"\\input{{tables/{table.name}}}\n" for table in tables)
    first = material.problem.objectives[0]
    gain = latex.macro_name("Change", first.replace("_", " "), material.choices[0].key)
    under = latex.macro_name(first.replace("_", " "), "Rule")
    name, force = latex.escape(labels.outcome(first).name), latex.escape(material.in_force.name)
    chosen = latex.escape(material.choices[0].name)
    return (
        "% An example: everything of this folder in one text. Take from it what your paper needs.\n"
        "\\documentclass[10pt]{article}\n"
        "\\usepackage[T1]{fontenc}\n\\usepackage[utf8]{inputenc}\n\\usepackage{lmodern,textcomp,microtype}\n"
        "\\usepackage[letterpaper,textwidth=7.2in,textheight=9.4in]{geometry}\n"
        "\\usepackage{graphicx,booktabs,array,longtable}\n"
        "\\usepackage[font=small]{caption}\n\\emergencystretch=3em\n"
        "\\pdfinfoomitdate=1\\pdftrailerid{}\\pdfsuppressptexinfo=-1 % the same bytes at every run\n"
        "\\input{numbers}\n\\input{captions}\n"
        f"\\title{{{title}}}\n\\author{{}}\n\\date{{}}\n"
        "\\begin{document}\n\\maketitle\n"
        "\\section{Methods}\n\\input{methods}\n"
        "\\section{Results}\n"
        f"{name} is \\{under}{{}} under {force}, the rule in force. The policy called {chosen} changes it by "
        f"\\{gain}{{}} (90\\,\\% interval \\{gain}LowNum{{}} to \\{gain}HighNum). The front has \\tcFrontSize{{}} "
        "policies, found with \\tcEvaluations{} evaluations.\n\n"
        f"{wide}\\clearpage\n\\section{{Tables}}\n{listed}\\clearpage\n"
        f"\\section{{The figures for one column}}\n\\noindent\n{narrow}\n"
        "\\section*{Statement}\n\\input{statement}\n\\end{document}\n"
    )


def _figure(name: str, width: str, caption: str) -> str:
    return (
        f"\\begin{{figure}}[tbp]\n\\centering\\includegraphics{{figures/{name}-{width}.pdf}}\n"
        f"\\caption{{{caption}}}\\label{{fig:{name}}}\n\\end{{figure}}\n"
    )
