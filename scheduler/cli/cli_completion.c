// Completion for shells. Both scripts are the same steps in two languages: find the verb among the
// words before, then what the option before wants, then what the verb may be followed by.
#include "scheduler/cli/cli_completion.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "providers/provider.h"
#include "scheduler/cli/cli_command.h"
#include "scheduler/cli/cli_family.h"
#include "scheduler/cli/cli_verb.h"

// How a shell says it. _spool_words offers its arguments.
struct shell {
    const char *name;
    const char *head;   // up to the options that take a value, as patterns
    const char *middle; // up to the cases of the option before
    const char *tail;   // up to the cases of verbs
    const char *end;
    const char *files, *folders, *behind_at;
};

static const struct shell shells[] = {
    {.name = "bash",
     .head =
         "# Completion for bash, made by \"spool completion bash\".\n"
         "_spool_words() {\n"
         "  mapfile -t COMPREPLY < <(compgen -W \"$*\" -- \"$cur\")\n"
         "}\n"
         "_spool() {\n"
         "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb= skip= i\n"
         "  local name=${COMP_WORDS[0]}\n"
         "  COMPREPLY=()\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    if [ -n \"$skip\" ]; then skip=; continue; fi\n"
         "    case ${COMP_WORDS[i]} in\n"
         "    ",
     .middle = ") skip=1 ;;\n"
               "    -*) ;;\n"
               "    *) verb+=${verb:+ }${COMP_WORDS[i]} ;;\n"
               "    esac\n"
               "  done\n"
               "  case $prev in\n"
               "  @) mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return ;;\n",
     .tail = "  esac\n"
             "  case $verb in\n",
     .end = "  esac\n"
            "}\n"
            "complete -o filenames -F _spool spool\n",
     .files = "mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")",
     .folders = "mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")",
     .behind_at = "[[ $cur != *@* ]] || mapfile -t COMPREPLY < "
                  "<(compgen -f -P \"${cur%%@*}@\" -- \"${cur#*@}\")"},
    {.name = "zsh",
     .head = "#compdef spool\n"
             "# Completion for zsh, made by \"spool completion zsh\".\n"
             "_spool_words() {\n"
             "  compadd -- \"$@\"\n"
             "}\n"
             "_spool() {\n"
             "  local cur=$words[CURRENT] prev=$words[CURRENT-1] verb= skip= name=$words[1]\n"
             "  local -i i\n"
             "  for ((i = 2; i < CURRENT; i++)); do\n"
             "    if [[ -n $skip ]]; then skip=; continue; fi\n"
             "    case $words[i] in\n"
             "    ",
     .middle = ") skip=1 ;;\n"
               "    -*) ;;\n"
               "    *) verb+=${verb:+ }$words[i] ;;\n"
               "    esac\n"
               "  done\n"
               "  case $prev in\n",
     .tail = "  esac\n"
             "  case $verb in\n",
     .end = "  esac\n"
            "}\n"
            "if [[ $funcstack[1] == _spool ]]; then _spool \"$@\"; else compdef _spool spool; fi\n",
     .files = "_files",
     .folders = "_files -/",
     .behind_at = "[[ $cur != *@* ]] || { compset -P '*@'; _files; }"},
};

// Ids and names are asked for, but not for long.
#define ASK_IDS "$(timeout 2 $name list -o id --limit 50 2>/dev/null)"
#define ASK_ACCOUNTS "$(timeout 2 $name accounts ls -o id 2>/dev/null)"

static void add_words(const char *list, struct buf *to)
{
    buf_fmt(to, "_spool_words %s", list);
}

static void add_option_names(int option, const char *separator, struct buf *to)
{
    if (cli_options[option].letter != 0)
        buf_fmt(to, "-%c%s", cli_options[option].letter, separator);
    buf_fmt(to, "--%s", cli_options[option].name);
}

static void add_value_options(struct buf *to)
{
    bool is_first = true;

    for (int option = 0; option < CLI_OPTION_COUNT; option++) {
        if (cli_options[option].value == NULL)
            continue;
        buf_str(to, is_first ? "" : "|");
        add_option_names(option, "|", to);
        is_first = false;
    }
}

// What a value may be.
static void add_option_case(const struct shell *shell, int option, struct buf *to)
{
    const struct cli_option_row *row = &cli_options[option];

    if (row->value == NULL)
        return;
    buf_str(to, "  ");
    add_option_names(option, "|", to);
    buf_str(to, ") ");
    if (row->choices != NULL)
        add_words(row->choices, to);
    else if (strcmp(row->value, "FILE") == 0)
        buf_str(to, shell->files);
    else if (strcmp(row->value, "DIR") == 0)
        buf_str(to, shell->folders);
    else if (strstr(row->value, "@FILE") != NULL)
        buf_str(to, shell->behind_at);
    else
        buf_char(to, ':');
    buf_str(to, "; return ;;\n");
}

static bool begins_with(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static void add_families(struct buf *to)
{
    for (size_t i = 0; cli_family_at(i) != NULL; i++)
        buf_fmt(to, "%s%s", i == 0 ? "" : " ", cli_family_at(i)->name);
}

static void add_verb_options(const struct cli_verb *verb, struct buf *to)
{
    for (int option = 0; option < CLI_OPTION_COUNT; option++) {
        if ((verb->options & CLI_WITH(option)) == 0)
            continue;
        add_option_names(option, " ", to);
        buf_char(to, ' ');
    }
    buf_str(to, "--help");
}

// What may follow a verb: its options, and words by what the usage calls them.
static void add_verb_case(const struct shell *shell, const struct cli_verb *verb, struct buf *to)
{
    struct buf options = {0}, list = {0};
    const char *usage = verb->usage;
    size_t len = strlen(usage);
    bool is_file = verb->most == 1 && len >= 4 && strcmp(usage + len - 4, "FILE") == 0;

    if (verb->choices != NULL)
        buf_str(&list, verb->choices);
    else if (begins_with(usage, "PATH|FAMILY"))
        add_families(&list);
    else if (begins_with(usage, "ID") || begins_with(usage, "[ID"))
        buf_str(&list, ASK_IDS);
    else if (begins_with(usage, "NAME"))
        buf_str(&list, ASK_ACCOUNTS);
    add_verb_options(verb, &options);
    buf_fmt(to, "  '%s' | '%s '*)\n", verb->name, verb->name);
    if (list.len > 0 || is_file) {
        buf_str(to, "    case $cur in\n    -*) ");
        add_words(options.data, to);
        buf_str(to, " ;;\n    *) ");
        if (is_file)
            buf_str(to, shell->files);
        else
            add_words(list.data, to);
        buf_str(to, " ;;\n    esac ;;\n");
    } else {
        buf_str(to, "    ");
        add_words(options.data, to);
        buf_str(to, " ;;\n");
    }
    buf_clear(&options);
    buf_clear(&list);
}

static bool is_first_of_group(const struct cli_verb *verb)
{
    size_t len = strcspn(verb->name, " ");

    if (verb->name[len] == '\0')
        return false;
    for (const struct cli_verb *other = cli_verbs; other < verb; other++)
        if (strncmp(other->name, verb->name, len + 1) == 0)
            return false;
    return true;
}

// The verbs of a group, as the words behind its name.
static void add_group_case(const struct cli_verb *first, struct buf *to)
{
    size_t len = strcspn(first->name, " ");
    struct buf list = {0};

    for (const struct cli_verb *verb = first; verb->name != NULL; verb++)
        if (strncmp(verb->name, first->name, len + 1) == 0)
            buf_fmt(&list, "%s%s", list.len == 0 ? "" : " ", verb->name + len + 1);
    buf_fmt(to, "  '%.*s') ", (int)len, first->name);
    add_words(list.data, to);
    buf_str(to, " ;;\n");
    buf_clear(&list);
}

static void add_first_case(struct buf *to)
{
    struct buf list = {0};

    for (const struct cli_verb *verb = cli_verbs; verb->name != NULL; verb++) {
        size_t len = strcspn(verb->name, " ");

        if (verb->name[len] == '\0' || is_first_of_group(verb))
            buf_fmt(&list, "%.*s ", (int)len, verb->name);
    }
    buf_str(&list, "-u -k -o --help --version");
    buf_str(to, "  '') ");
    add_words(list.data, to);
    buf_str(to, " ;;\n");
    buf_clear(&list);
}

bool cli_completion_write(const char *name, struct buf *to)
{
    const struct shell *shell = NULL;

    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++)
        if (strcmp(shells[i].name, name) == 0)
            shell = &shells[i];
    if (shell == NULL)
        return false;
    buf_str(to, shell->head);
    add_value_options(to);
    buf_str(to, shell->middle);
    for (int option = 0; option < CLI_OPTION_COUNT; option++)
        add_option_case(shell, option, to);
    buf_str(to, shell->tail);
    add_first_case(to);
    for (const struct cli_verb *verb = cli_verbs; verb->name != NULL; verb++) {
        if (is_first_of_group(verb))
            add_group_case(verb, to);
        add_verb_case(shell, verb, to);
    }
    buf_str(to, shell->end);
    return true;
}

bool cli_completion_verb(struct cli *cli, struct err *err)
{
    struct buf script = {0};
    bool ok = cli_completion_write(cli->command->words[0], &script);

    fputs(buf_text(&script), stdout);
    buf_clear(&script);
    return ok || err_set(err, ERR_CONFIG, "there is completion for bash and zsh, not for \"%.40s\"",
                         cli->command->words[0]);
}
