"""How figures are written: of several runs, of many tasks."""
import statistics


def spread(values, form=".2f"):
    """The mean, and how far the runs are apart where they don't agree within a tenth."""
    mean = statistics.mean(values)
    if max(values) - min(values) <= 0.1 * mean:
        return f"{mean:{form}}"
    return f"{mean:{form}} ({min(values):{form}} to {max(values):{form}})"


def spread_of(runs, name, form=".2f"):
    """Of what each run says by this name."""
    return spread([run[name] for run in runs], form)


def mean_of(runs, name):
    return statistics.mean(run[name] for run in runs)


def percentile(values, percent):
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]
