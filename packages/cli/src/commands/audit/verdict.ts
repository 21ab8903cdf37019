import type { Verdict } from '@rekey/database/offline'
import { counted } from '../../terminal/counted.ts'
import { printable } from '../../terminal/printable.ts'
import { members } from '../../terminal/table.ts'

const shownProblems = 10

/** The verdict on a chain in a sentence, what was compared, and where it breaks. */
export function verdictText(verdict: Verdict, signer: string | undefined): string {
  if (isNoExport(verdict))
    return 'This is no export of an audit: no line of it is an event, and no checkpoint is at its end.'
  const { checkedCount, root, notes = [] } = verdict
  const told = members({ Events: String(checkedCount), Root: root, Signer: signerText(verdict, signer) })
  const noted = notes.flatMap((note) => ['', `Note: ${printable(note)}.`])
  return [headline(verdict), '', told, ...noted, ...problemLines(verdict)].join('\n')
}

/** Problems are told up to a number: of a large file not all. */
const mostProblems = 100

function isNoExport({ checkedCount, signer, problems }: Verdict): boolean {
  const malformed = problems.filter(({ code }) => code === 'malformed').length
  return signer === '' && checkedCount > 0 && malformed >= Math.min(checkedCount, mostProblems)
}

function headline({ verified, checkedCount, brokenAt, brokenAtEventId }: Verdict): string {
  if (verified)
    return `The audit is verified: of ${counted(checkedCount, 'event')} none is missing, changed or out of order.`
  const event = brokenAtEventId === undefined ? '' : ` (event ${printable(brokenAtEventId)})`
  return `The audit is NOT verified.${brokenAt === undefined ? '' : ` It breaks at number ${brokenAt}${event}.`}`
}

/** Who signed; unless one was wanted, that is for the reader to compare. */
export function signerText({ signer }: { signer: string }, wanted: string | undefined): string | undefined {
  return !signer || wanted !== undefined ? signer : `${signer}   (is it the one that you know?)`
}

function problemLines({ problems }: Verdict): string[] {
  if (problems.length === 0) return []
  const lines = problems.slice(0, shownProblems).map(({ code, seq, message }) => {
    const place = seq === undefined ? '' : `number ${seq}: `
    return `  ! ${place}${printable(message)} (${printable(code)})`
  })
  const more = problems.length - lines.length
  return ['', 'Problems', ...lines, ...(more > 0 ? [`  and ${more} more; --json tells them all`] : [])]
}
