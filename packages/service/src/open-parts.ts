/** What is closed in the end. */
export interface Closable {
  close(): Promise<unknown>
}

/** Notes a part that is to be closed, and gives it back. */
export type Opened = <Part extends Closable>(part: Part) => Part

/**
 * Opens something that has parts. They are closed the last one first, for a later one may need those before it; and at once where
 * one of them does not open. One that does not close keeps none before it from being closed.
 *
 * @throws whatever `open` throws
 */
export async function openParts<Whole>(
  open: (opened: Opened) => Promise<Whole>,
): Promise<Whole & { close(): Promise<void> }> {
  const parts: Closable[] = []
  const close = async () => {
    const faults: unknown[] = []
    for (const part of parts.splice(0).reverse()) await part.close().catch((fault) => faults.push(fault))
    if (faults.length > 0) throw new AggregateError(faults, 'not everything could be closed')
  }
  const opened: Opened = (part) => {
    parts.push(part)
    return part
  }
  try {
    return { ...(await open(opened)), close }
  } catch (error) {
    // Why it did not open comes first; a log shows what did not close either beside it.
    await close().catch((unclosed) => Object.assign(error as Error, { unclosed }))
    throw error
  }
}
