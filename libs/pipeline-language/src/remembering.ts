const LONGEST = 2_048;

/**
 * The same work with the answers for the last texts kept, for the jobs of a file say the same over and over. The answer
 * must depend on the text alone, and the text must not be a secret. What is kept has a bound: long texts are worked out
 * each time, and so many others are `most`.
 */
export const remembering = <Answer>(work: (text: string) => Answer, most = 1_000): ((text: string) => Answer) => {
  const answers = new Map<string, Answer>();
  return (text) => {
    const known = answers.get(text);
    if (known !== undefined) return known;
    const answer = work(text);
    if (text.length > LONGEST) return answer;
    if (answers.size >= most) answers.clear();
    answers.set(text, answer);
    return answer;
  };
};
