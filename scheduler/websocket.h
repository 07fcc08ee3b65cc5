// WebSockets: validated by our front door, then handed to libwebsockets by socket adoption.
#pragma once

struct front;
struct request;
struct websockets;

struct websockets *websockets_start(struct front *front);
// Closes every connection with 1001.
void websockets_drain(struct websockets *websockets);
void websockets_drop(struct websockets **websockets);
// Takes over a request that asks for an upgrade and has its owner. The request is gone.
void websockets_accept(struct websockets *websockets, struct request *request);
