/**
 * What a client sent is no message. gRPC answers with code 13, the gateway with
 * code 3; the text is for the client, in the words of etcd's own decoders where
 * clients may have seen them.
 */
export class MessageError extends Error {
  override readonly name = "MessageError";
}
