// When a frame is finished.

/** Calls back with the time at which the next frame is drawn. */
export function afterFrame(callback) {
  requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => callback(performance.now());
    channel.port2.postMessage(null);
  });
}
