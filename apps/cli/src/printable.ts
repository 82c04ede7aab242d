/** Names, texts and errors come from anywhere: nothing in them may move the cursor or turn the text around. */
export const printable = (text: string): string => text.replaceAll(/[^\P{C}\n]/gu, '\u{fffd}');
