/** A goal that was met or missed, in a line. */
export function verdictLine(ok: boolean, goal: string): string {
  return `${ok ? 'ok    ' : 'MISSED'}  ${goal}`
}
