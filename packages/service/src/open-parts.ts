/** What is closed in the end. */
export interface Closable {
  close(): Promise<unknown>
}

/** Notes a part that is to be closed, and gives it back. */
export type Opened = <Part extends Closable>(part: Part) => Part

/**
 * Opens something that has parts. They are closed the last one first, for a later one may need those before it; and at once where
 * one of them does not open.
 *
 * @throws whatever `open` throws
 */
export async function openParts<Whole>(
  open: (opened: Opened) => Promise<Whole>,
): Promise<Whole & { close(): Promise<void> }> {
  const parts: Closable[] = []
  const close = async () => {
    for (const part of parts.splice(0).reverse()) await part.close()
  }
  const opened: Opened = (part) => {
    parts.push(part)
    return part
  }
  try {
    return { ...(await open(opened)), close }
  } catch (error) {
    await close()
    throw error
  }
}
