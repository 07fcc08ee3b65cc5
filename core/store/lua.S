// Puts the Lua scripts into the program.
    .section .rodata
    .macro script name
    .global lua_\name
lua_\name:
    .incbin "core/store/lua/\name\().lua"
    .byte 0
    .endm

    // The library: an empty line ends a paragraph, and so does a file.
    .macro part name
    .incbin "core/store/lua/lib/\name\().lua"
    .byte '\n'
    .endm
    .global lua_lib
lua_lib:
    part base
    part queue
    part spans
    part deliveries
    part transitions
    .byte 0

    script convert
    script leave
    script join
    script submit
    script list
    script clock
    script claim
    script begin
    script alike
    script read
    script state
    script overview
    script account
    script beat
    script due
    script looks
    script mark
    script change
    script cancel
    script forget
    script resolve
    script hint
    script hold
    script post
    script posted
    script redeliver
    script undelivered
    script sweep

    .section .note.GNU-stack, "", %progbits
