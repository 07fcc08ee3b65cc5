// Prints a Lua script as Redis is given it: spool-script NAME
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/store/scripts.h"

int main(int argc, char **argv)
{
    for (int i = 0; argc == 2 && i < SCRIPT_COUNT; i++) {
        char *text;

        if (strcmp(script_name((enum script)i), argv[1]) != 0)
            continue;
        text = script_text((enum script)i);
        fputs(text, stdout);
        free(text);
        return 0;
    }
    fprintf(stderr, "usage: spool-script NAME, one of core/store/lua\n");
    return 2;
}
