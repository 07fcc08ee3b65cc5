// Puts the media files into the program. They were made once, with ffmpeg: one second each of
// testsrc and mandelbrot (64x64, 8 a second, H.264 baseline, moov in front), a sine (MPEG-2 layer 3,
// no tags), and testsrc's first picture.
    .section .rodata
    .macro media name file
    .global media_\name, media_\name\()_end
media_\name:
    .incbin "tests/sim/media/\file"
media_\name\()_end:
    .byte 0
    .endm

    media silent silent.mp4
    media sound sound.mp4
    media song song.mp3
    media cover cover.jpeg

    .section .note.GNU-stack, "", %progbits
