/** What is told: a chapter of the guided path, or the step that is shown in free play. */
import type { Lesson } from "../lesson.js";
import { isSame } from "../position.js";

export function Story({ lesson }: { lesson: Lesson }) {
  return lesson.guided.value === undefined ? <FreeStory lesson={lesson} /> : <ChapterStory lesson={lesson} />;
}

function ChapterStory({ lesson }: { lesson: Lesson }) {
  const chapter = lesson.guided.value;
  if (chapter === undefined) return null;
  const chapters = lesson.chapters.value;
  const last = chapters.length;
  return (
    <section class="panel panel-story" aria-labelledby="story-title">
      <p class="overline">Chapter {chapter.number} of {last}</p>
      <h2 id="story-title">{chapter.title}</h2>
      <p class="story-text">{chapter.text}</p>
      <div class="story-moves">
        <button type="button" class="button" disabled={chapter.number === 1} onClick={() => { lesson.moveChapter(-1); }}>Back</button>
        {chapter.number < last
          ? <button type="button" class="button primary" onClick={() => { lesson.moveChapter(1); }}>Next chapter</button>
          : <button type="button" class="button primary" onClick={() => { lesson.startFresh(); }}>Now play yourself</button>}
      </div>
      {!isSame(chapter, lesson.at.value) && (
        <p class="away">You have moved on from what this chapter shows. <button type="button" class="link" onClick={() => { lesson.goToChapter(chapter.number); }}>Back to it</button></p>
      )}
      <nav aria-label="Chapters">
        <ol class="chapters">
          {chapters.map(({ number, title }) => (
            <li key={number}>
              <button type="button" aria-current={number === chapter.number ? "true" : undefined} onClick={() => { lesson.goToChapter(number); }}>
                <span class="chapter-number">{number}</span>
                <span class="chapter-title">{title}</span>
              </button>
            </li>
          ))}
        </ol>
      </nav>
    </section>
  );
}

function FreeStory({ lesson }: { lesson: Lesson }) {
  const step = lesson.step.value;
  const { model, steps } = lesson.play.value;
  if (step === undefined) return null;
  return (
    <section class="panel panel-story" aria-labelledby="story-title">
      <p class="overline">Step {step.number} of {steps.length - 1}{model && " · a model for comparison"}</p>
      <h2 id="story-title">{step.title}</h2>
      <p class="story-text">{step.text}</p>
    </section>
  );
}
