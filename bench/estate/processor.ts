import { readFile } from 'node:fs/promises'

/** Linux counts the time of processes in hundredths of a second. */
const TICK_MS = 10

/** What a process used of the processor since it began, in user and in kernel mode, of all its threads. */
export async function processorMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  // The name, in brackets, may have blanks in it; utime and stime are the 12th and 13th fields behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}
