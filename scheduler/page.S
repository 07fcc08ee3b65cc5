// Puts the files of the page into the program.
    .section .rodata
    .macro page name file
    .global page_\name, page_\name\()_end
page_\name:
    .incbin "scheduler/page/\file"
page_\name\()_end:
    .byte 0
    .endm

    page index "index.html"
    page style "style.css"
    page icon "icon.svg"
    page main "main.js"
    page api "api.js"
    page live "live.js"
    page dom "dom.js"
    page words "words.js"
    page trouble "trouble.js"
    page files "files.js"
    page now "now.js"
    page minutes "minutes.js"
    page tasks "tasks.js"
    page task "task.js"
    page stages "stages.js"
    page webhooks "webhooks.js"
    page accounts "accounts.js"
    page try "try.js"
    page form "form.js"

    .section .note.GNU-stack, "", %progbits
