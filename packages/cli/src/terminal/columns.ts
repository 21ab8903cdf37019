const usualColumns = 80

/** A terminal without a window of its own (a serial line, a pipe of some runners) says that it has 0 columns: nothing would be read there. */
export function widen(stream: { columns?: number }): void {
  if (stream.columns === 0) stream.columns = usualColumns
}
