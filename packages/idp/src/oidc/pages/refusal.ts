import { troublePage } from './notices.ts'

/** What a user sees where a page of ours is refused. */
export function refusalPage(
  { status, code, message }: { status: number; code: string; message: string },
  correlationId: string,
): string {
  const [title, advice] = status >= 500 || status === 429 ? forNow : forEver
  return troublePage({ title, advice, code, description: message, correlationId })
}

const forNow = [
  'This cannot be done at the moment',
  'Wait a moment, then reload this page. If it goes on, tell those who run this service.',
] as const
const forEver = [
  'This page cannot be shown',
  'Go back to the application that you came from and sign in again. If it goes on, tell those who run it.',
] as const
