export type PassageKind = 'vocabulary' | 'grammar' | 'dialogue' | 'reading';

export interface SamplePassage {
  readonly kind: PassageKind;
  readonly skill: string;
  readonly title: string;
  readonly text: string;
}

export interface SampleChapter {
  readonly id: number;
  readonly title: string;
  readonly level: string;
  readonly passages: readonly SamplePassage[];
}

export interface SampleBook {
  readonly id: number;
  readonly title: string;
  readonly language: string;
  readonly chapters: readonly SampleChapter[];
}
