/** A text as the value of a header: whatever is not visible ASCII, and `%` and `,`, is percent-encoded. */
export const headerValue = (text: string): string => text.toWellFormed().replace(/[^!-~]|[%,]/gu, encodeURIComponent)
