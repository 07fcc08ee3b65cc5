// WebSockets: let in by a front door (upgrade.c), then given to libwebsockets by socket adoption.
// All on the realtime loop's thread.
#pragma once

struct arrival;
struct loop;
struct realtime;
struct websockets;

// Both are borrowed, and outlive the WebSockets; the loop also until all its handles are closed.
struct websockets *websockets_start(struct loop *loop, struct realtime *realtime);
// Takes the arrival.
void websockets_adopt(struct websockets *websockets, struct arrival *arrival);
// Closes every connection with 1001.
void websockets_drain(struct websockets *websockets);
void websockets_drop(struct websockets **websockets);
