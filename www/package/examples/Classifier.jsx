// A React component that tells pictures apart, of files and of the webcam: <Classifier model="model.zip" />
import { Classifier as Model, openCamera } from 'headstart/predict';
import { useEffect, useRef, useState } from 'react';

export function Classifier({ model: address }) {
  const [model, setModel] = useState(null);
  const [filming, setFilming] = useState(false);
  const [text, setText] = useState('Loading the model…');
  const video = useRef(null);
  const tell = (what, [best]) => setText(`${what}: ${best.className}, ${Math.round(100 * best.probability)} %`);
  // What was ended on purpose is no failure.
  const failed = (error) => error.name !== 'AbortError' && setText(error.message);

  useEffect(() => {
    const ended = new AbortController();
    const { signal } = ended;
    let classifier = null;
    const load = async () => {
      classifier = await Model.load(address, { signal });
      setModel({ classifier, signal });
      setText('Choose a picture.');
    };
    load().catch(failed);
    // On unmount, or for another model: nothing waits for this one any more, and its worker ends.
    return () => {
      ended.abort();
      classifier?.close();
      setModel(null);
    };
  }, [address]);

  useEffect(() => {
    if (!model || !filming) return undefined;
    const ended = new AbortController();
    const signal = AbortSignal.any([ended.signal, model.signal]);
    const watch = async () => {
      const camera = await openCamera();
      try {
        signal.throwIfAborted();
        video.current.srcObject = camera.stream;
        // Once it plays there are frames to look at.
        await video.current.play();
        for await (const answer of model.classifier.stream(video.current, { top: 1, signal })) tell('Camera', answer);
      } finally {
        // However it ended, the camera's light goes out.
        camera.stop();
      }
    };
    watch().catch(failed);
    return () => ended.abort();
  }, [model, filming]);

  const look = (file) => file && model.classifier.classify(file, { top: 1, signal: model.signal }).then((answer) => tell(file.name, answer), failed);
  return (
    <div>
      <input type="file" accept="image/*" disabled={!model} onChange={(event) => look(event.target.files[0])} />
      <button disabled={!model} onClick={() => setFilming(!filming)}>
        {filming ? 'Stop the camera' : 'Use the camera'}
      </button>
      {filming && <video ref={video} muted playsInline width="320" />}
      <output>{text}</output>
    </div>
  );
}
