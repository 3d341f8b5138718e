// A React component that tells pictures apart, from files and from the webcam: <Classifier model="model.zip" />
import { Classifier as Model, openCamera } from 'headstart';
import { useEffect, useRef, useState } from 'react';

export function Classifier({ model: address, onAnswer }) {
  const [model, setModel] = useState(null);
  const [camera, setCamera] = useState(null);
  const [text, setText] = useState('Loading the model…');
  const video = useRef(null);
  const tell = (subject, [best]) => {
    setText(`${subject}: ${best.className}, ${Math.round(100 * best.probability)} %`);
    onAnswer?.(best);
  };
  // What was ended on purpose is no failure.
  const failed = (error) => error.name !== 'AbortError' && setText(error.message);

  useEffect(() => {
    const ended = new AbortController();
    let loaded = null;
    Model.load(address, { signal: ended.signal }).then((model) => {
      // It may have come just before the end.
      if (ended.signal.aborted) return model.close();
      setModel((loaded = model));
      setText('Choose a picture.');
    }, failed);
    // Unmounted, or another model: the worker of this one is not needed any more.
    return () => {
      ended.abort();
      loaded?.close();
      setModel(null);
    };
  }, [address]);

  useEffect(() => {
    if (!model || !camera) return undefined;
    const ended = new AbortController();
    const watch = async () => {
      video.current.srcObject = camera.stream;
      for await (const answer of model.stream(video.current, { signal: ended.signal })) tell('camera', answer);
    };
    watch().catch(failed);
    return () => ended.abort();
  }, [model, camera]);
  // The light of the camera goes out with the component.
  useEffect(() => () => camera?.stop(), [camera]);

  const look = (file) => file && model.classify(file, { top: 1 }).then((answer) => tell(file.name, answer), failed);
  return (
    <div>
      <input type="file" accept="image/*" disabled={!model} onChange={(event) => look(event.target.files[0])} />
      <button disabled={!model} onClick={() => (camera ? setCamera(null) : openCamera().then(setCamera, failed))}>
        {camera ? 'Stop the camera' : 'Use the camera'}
      </button>
      {camera && <video ref={video} autoPlay muted playsInline width="320" />}
      <output>{text}</output>
    </div>
  );
}
