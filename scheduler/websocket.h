// WebSockets: validated by our front door, then handed to libwebsockets by socket adoption.
#pragma once

struct front;
struct websockets;

struct websockets *websockets_start(struct front *front);
// Closes every connection with 1001.
void websockets_drain(struct websockets *websockets);
void websockets_drop(struct websockets **websockets);
